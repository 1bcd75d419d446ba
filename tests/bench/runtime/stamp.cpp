// The program of the bench's containers: its first act is to say when it was. Static, into the file that is
// its argument.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

int main(int argc, char** argv) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (argc != 2) return 2;
  char text[32];
  const int size = std::snprintf(text, sizeof text, "%lld\n", static_cast<long long>(now.tv_sec) * 1'000'000'000 + now.tv_nsec);
  const int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
  return fd >= 0 && write(fd, text, static_cast<std::size_t>(size)) == size ? 0 : 1;
}
