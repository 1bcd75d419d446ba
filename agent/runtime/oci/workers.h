// Threads for what blocks. Work of one key is done in turn, one piece at a time; of different keys at once.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace agent::runtime::oci {

class Workers {
 public:
  explicit Workers(int threads);
  ~Workers();  // drops what has not begun, waits for what has
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void add(std::string key, std::function<void()> work);  // an empty key: in no turn

 private:
  void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<std::string, std::function<void()>>> waiting_;
  std::set<std::string> busy_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace agent::runtime::oci
