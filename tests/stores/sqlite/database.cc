#include "database.h"

#include <sqlite3.h>

#include <limits>

namespace sqlite_store {
namespace {

// SQLite counts with a sign; shards, numbers and epochs of tests stay far below the half that is left.
sqlite3_int64 as_integer(std::uint64_t value) {
    return static_cast<sqlite3_int64>(value);
}
std::uint64_t as_number(sqlite3_int64 value) {
    return static_cast<std::uint64_t>(value);
}

void bind(const Statement& statement, int at, std::uint64_t value) {
    sqlite3_bind_int64(statement.get(), at, as_integer(value));
}
void bind(const Statement& statement, int at, std::int64_t value) {
    sqlite3_bind_int64(statement.get(), at, value);
}
void bind(const Statement& statement, int at, const std::string& text) {
    sqlite3_bind_text64(statement.get(), at, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}
void bind(const Statement& statement, int at, ym_text octets) {
    sqlite3_bind_blob64(statement.get(), at, octets.data, octets.size, SQLITE_STATIC);
}

std::uint64_t number_at(const Statement& statement, int column) {
    return as_number(sqlite3_column_int64(statement.get(), column));
}
std::string octets_at(const Statement& statement, int column) {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement.get(), column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement.get(), column))};
}

/// A statement is used again by the next call, whatever becomes of this one.
class Reset {
  public:
    explicit Reset(const Statement& statement) : statement_(statement) {}
    Reset(const Reset&) = delete;
    Reset& operator=(const Reset&) = delete;
    ~Reset() {
        sqlite3_reset(statement_.get());
        sqlite3_clear_bindings(statement_.get());
    }

  private:
    const Statement& statement_;
};

constexpr const char* tables = R"sql(
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS owner (
        shard INTEGER PRIMARY KEY, name TEXT NOT NULL, epoch INTEGER NOT NULL, until INTEGER NOT NULL,
        through INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS batch (
        shard INTEGER NOT NULL, number INTEGER NOT NULL, octets BLOB NOT NULL, PRIMARY KEY (shard, number));
)sql";

}  // namespace

void Finalize::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}
void Close::operator()(sqlite3* database) const {
    sqlite3_close(database);
}

Database::Database(const std::string& file) {
    sqlite3* opened = nullptr;
    const int result = sqlite3_open(file.c_str(), &opened);
    database_.reset(opened);
    check(result);
    // Another process may hold the file for as long as its commit takes.
    sqlite3_busy_timeout(opened, 5000);
    check(sqlite3_exec(opened, tables, nullptr, nullptr, nullptr));
    begin_ = prepare("BEGIN IMMEDIATE");
    commit_ = prepare("COMMIT");
    rollback_ = prepare("ROLLBACK");
    owner_ = prepare("SELECT name, epoch, until, through FROM owner WHERE shard = ?");
    set_owner_ = prepare("INSERT OR REPLACE INTO owner (shard, name, epoch, until, through) VALUES (?, ?, ?, ?, ?)");
    insert_ = prepare("INSERT INTO batch (shard, number, octets) VALUES (?, ?, ?)");
    erase_ = prepare("DELETE FROM batch WHERE shard = ? AND number BETWEEN ? AND ?");
    read_ = prepare("SELECT number, octets FROM batch WHERE shard = ? AND number >= ? ORDER BY number");
    one_ = prepare("SELECT octets FROM batch WHERE shard = ? AND number = ?");
    octets_ = prepare("SELECT coalesce(sum(length(octets)), 0) FROM batch");
}

void Database::begin() {
    run(begin_);
}
void Database::commit() {
    run(commit_);
}
void Database::rollback() {
    // SQLite has rolled back by itself after some errors, a full disk among them: there is no error to look at.
    const Reset reset(rollback_);
    sqlite3_step(rollback_.get());
}

Owner Database::owner(std::uint32_t shard) {
    const Reset reset(owner_);
    bind(owner_, 1, std::uint64_t{shard});
    Owner owner;
    if (!step(owner_)) return owner;
    owner.name = octets_at(owner_, 0);
    owner.epoch = number_at(owner_, 1);
    owner.until_ns = sqlite3_column_int64(owner_.get(), 2);
    owner.through = number_at(owner_, 3);
    return owner;
}

void Database::set_owner(std::uint32_t shard, const Owner& owner) {
    const Reset reset(set_owner_);
    bind(set_owner_, 1, std::uint64_t{shard});
    bind(set_owner_, 2, owner.name);
    bind(set_owner_, 3, owner.epoch);
    bind(set_owner_, 4, owner.until_ns);
    bind(set_owner_, 5, owner.through);
    run(set_owner_);
}

void Database::insert(std::uint32_t shard, std::uint64_t number, ym_text octets) {
    const Reset reset(insert_);
    bind(insert_, 1, std::uint64_t{shard});
    bind(insert_, 2, number);
    bind(insert_, 3, octets);
    run(insert_);
}

void Database::erase(std::uint32_t shard, std::uint64_t first, std::uint64_t last) {
    const Reset reset(erase_);
    bind(erase_, 1, std::uint64_t{shard});
    bind(erase_, 2, first);
    bind(erase_, 3, last);
    run(erase_);
}

Batches Database::read(std::uint32_t shard, std::uint64_t from, std::uint64_t bytes_max) {
    Batches found;
    found.through = owner(shard).through;
    const Reset reset(read_);
    bind(read_, 1, std::uint64_t{shard});
    bind(read_, 2, from);
    std::uint64_t bytes = 0;
    while (step(read_)) {
        const auto size = as_number(sqlite3_column_bytes(read_.get(), 1));
        if (!found.numbers.empty() && (bytes >= bytes_max || size > bytes_max - bytes)) {
            found.through = found.numbers.back();
            break;
        }
        bytes += size;
        found.numbers.push_back(number_at(read_, 0));
        found.octets.emplace_back(octets_at(read_, 1));
    }
    return found;
}

Batches Database::fetch(std::uint32_t shard, const std::vector<std::uint64_t>& numbers) {
    Batches found;
    found.numbers = numbers;
    for (const std::uint64_t number : numbers) {
        const Reset reset(one_);
        bind(one_, 1, std::uint64_t{shard});
        bind(one_, 2, number);
        if (step(one_)) {
            found.octets.emplace_back(octets_at(one_, 0));
        } else {
            found.octets.emplace_back();
        }
    }
    return found;
}

std::uint64_t Database::octets() {
    const Reset reset(octets_);
    step(octets_);
    return number_at(octets_, 0);
}

Statement Database::prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v3(database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
    return Statement(statement);
}

/// True: there is a row.
bool Database::step(const Statement& statement) {
    const int result = sqlite3_step(statement.get());
    if (result == SQLITE_ROW) return true;
    if (result != SQLITE_DONE) check(result);
    return false;
}

void Database::run(const Statement& statement) {
    const Reset reset(statement);
    while (step(statement)) {
    }
}

void Database::check(int result) const {
    if (result == SQLITE_OK) return;
    std::string why = database_ ? sqlite3_errmsg(database_.get()) : "no memory";
    switch (result & 0xff) {
        case SQLITE_FULL: throw Trouble{YM_FULL, std::move(why)};
        case SQLITE_BUSY:
        case SQLITE_LOCKED: throw Trouble{YM_UNKNOWN, std::move(why)};
        default: throw Trouble{YM_FAILED, std::move(why)};
    }
}

}  // namespace sqlite_store
