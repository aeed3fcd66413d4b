// The tables of the store, and what its calls do to them: one transaction each. Called from one thread. What goes wrong
// leaves as a Trouble, and then nothing was changed.
#pragma once

#include <yardmaster/persistence.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace sqlite_store {

struct Trouble {
    ym_status status;
    std::string why;
};

/// Who holds a shard, and how far it goes.
struct Owner {
    std::string name;  // empty: nobody
    std::uint64_t epoch = 0;
    std::int64_t until_ns = 0;  // of the system's clock, which several processes share
    std::uint64_t through = 0;
};

struct Batches {
    std::vector<std::uint64_t> numbers;
    std::vector<std::optional<std::string>> octets;  // nothing: not kept
    std::uint64_t through = 0;
};

struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;
struct Close {
    void operator()(sqlite3* database) const;
};

class Database {
  public:
    explicit Database(const std::string& file);

    /// `begin (calls below)* commit`, or rollback() after a Trouble. The file is locked against other writers.
    void begin();
    void commit();
    void rollback();

    [[nodiscard]] Owner owner(std::uint32_t shard);
    void set_owner(std::uint32_t shard, const Owner& owner);
    void insert(std::uint32_t shard, std::uint64_t number, ym_text octets);
    void erase(std::uint32_t shard, std::uint64_t first, std::uint64_t last);

    [[nodiscard]] Batches read(std::uint32_t shard, std::uint64_t from, std::uint64_t bytes_max);
    [[nodiscard]] Batches fetch(std::uint32_t shard, const std::vector<std::uint64_t>& numbers);
    /// Octets of all batches.
    [[nodiscard]] std::uint64_t octets();

  private:
    [[nodiscard]] Statement prepare(const char* sql);
    bool step(const Statement& statement);
    void run(const Statement& statement);
    void check(int result) const;

    std::unique_ptr<sqlite3, Close> database_;
    Statement begin_, commit_, rollback_, owner_, set_owner_, insert_, erase_, read_, one_, octets_;
};

}  // namespace sqlite_store
