#include "unit/wire/vectors.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace ym::wire::test {
namespace {

using Json = nlohmann::json;

std::string from_hex(const std::string& hex) {
    std::string octets;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        octets.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    return octets;
}

/// Numbers from 2^53 on are texts in the file.
std::uint64_t to_number(const Json& json) {
    return json.is_string() ? std::stoull(json.get<std::string>()) : json.get<std::uint64_t>();
}

Verb to_verb(const std::string& name) {
    for (unsigned verb = 0; verb < 256; ++verb) {
        if (name_of(static_cast<Verb>(verb)) == name) return static_cast<Verb>(verb);
    }
    throw std::runtime_error("no verb has the name " + name);
}

std::uint8_t to_tag(const std::string& name) {
    for (unsigned tag = 0; tag < 256; ++tag) {
        if (name_of(static_cast<Field>(tag)) == name) return static_cast<std::uint8_t>(tag);
    }
    throw std::runtime_error("no field has the name " + name);
}

VectorError to_error(const Json& json) {
    return {json.at("status").get<std::uint16_t>(), json.at("field").get<std::string>(),
            json.at("at").get<std::uint32_t>()};
}

VectorField to_field(const Json& json) {
    VectorField field;
    field.tag = json.contains("tag") ? json["tag"].get<std::uint8_t>() : to_tag(json.at("field").get<std::string>());
    field.bad = json.contains("bad");
    if (json.contains("number")) {
        field.kind = ValueKind::number;
        field.number = to_number(json["number"]);
    } else if (json.contains("name")) {
        field.kind = ValueKind::property;
        field.name = json["name"].get<std::string>();
        field.value = json.at("value").get<std::string>();
    } else {
        field.value = json.contains("text") ? json["text"].get<std::string>() : from_hex(json.at("hex"));
    }
    return field;
}

VectorRecord to_record(const Json& json) {
    VectorRecord record;
    record.at = json.at("at").get<std::uint32_t>();
    record.id = to_number(json.at("id"));
    if (json.contains("error")) {
        record.error = to_error(json["error"]);
        return record;
    }
    record.code = json.at("code").get<std::uint16_t>();
    for (const Json& field : json.at("fields")) record.fields.push_back(to_field(field));
    record.body = json.contains("body") ? json["body"].get<std::string>() : from_hex(json.at("body_hex"));
    return record;
}

Vector to_vector(const Json& json) {
    Vector vector;
    vector.name = json.at("name").get<std::string>();
    vector.octets = from_hex(json.at("hex"));
    if (json.contains("error")) {
        vector.error = to_error(json["error"]);
        return vector;
    }
    const Json& decoded = json.at("decoded");
    vector.verb = to_verb(decoded.at("verb").get<std::string>());
    vector.flags = decoded.at("flags").get<std::uint8_t>();
    vector.to = decoded.at("name").get<std::string>();
    vector.number = to_number(decoded.at("number"));
    for (const Json& record : decoded.at("records")) vector.records.push_back(to_record(record));
    return vector;
}

}  // namespace

bool Vector::well_formed() const {
    if (error) return false;
    for (const VectorRecord& record : records) {
        if (record.error) return false;
    }
    return true;
}

std::vector<Vector> read_vectors(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    std::vector<Vector> vectors;
    const Json whole = Json::parse(file);
    for (const Json& json : whole.at("vectors")) vectors.push_back(to_vector(json));
    if (vectors.empty()) throw std::runtime_error(path + " holds no vectors");
    return vectors;
}

Octets write(const Vector& vector, Buffer& buffer) {
    FrameWriter writer(buffer);
    writer.begin(vector.verb, vector.flags, vector.to, vector.number);
    for (const VectorRecord& record : vector.records) {
        writer.begin_record(record.code, record.id);
        for (const VectorField& field : record.fields) {
            switch (field.kind) {
                case ValueKind::number: writer.field(static_cast<Field>(field.tag), field.number); break;
                case ValueKind::property: writer.property(field.name, field.value); break;
                case ValueKind::octets: writer.raw_field(field.tag, as_octets(field.value)); break;
            }
        }
        if (!record.body.empty()) writer.body(as_octets(record.body));
    }
    return writer.end();
}

}  // namespace ym::wire::test
