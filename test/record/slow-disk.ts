/** A disk that is slow, stands still or fails, for the decision logs of one process: no real disk does so on demand. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { all, LINUX, tool } from '../support/tools.ts';

/** Files in a folder control its behaviour. */
const SHIM = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char *in_folder(char *to, const char *name) {
  snprintf(to, 4096, "%s/%s", getenv("SLOW_DISK"), name);
  return to;
}

static int is_log(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path);
  if (length < 6 || length == sizeof path) return 0;
  path[length] = 0;
  // The statements beside a log are files of their own, and may be lost.
  return strcmp(path + length - 6, ".jsonl") == 0 && strstr(path, ".statements/") == NULL;
}

static int milliseconds(const char *name) {
  char path[4096], text[16] = "";
  int fd = open(in_folder(path, name), O_RDONLY);
  if (fd < 0) return 0;
  if (read(fd, text, sizeof text - 1) < 0) text[0] = 0;
  close(fd);
  return atoi(text);
}

int fdatasync(int fd) {
  static int (*real)(int);
  char path[4096];
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  if (!is_log(fd)) return real(fd);
  int syncs = open(in_folder(path, "syncs"), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (write(syncs, ".", 1) < 0) abort();
  close(syncs);
  usleep(1000 * milliseconds("slow"));
  while (access(in_folder(path, "stands"), F_OK) == 0) usleep(2000);
  if (unlink(in_folder(path, "fails-once")) == 0 || access(in_folder(path, "fails"), F_OK) == 0) {
    errno = EIO;
    return -1;
  }
  struct stat before;
  fstat(fd, &before);
  int result = real(fd);
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  char line[64];
  int length = snprintf(line, sizeof line, "%lld %lld\\n", (long long)before.st_size, now.tv_sec * 1000LL + now.tv_nsec / 1000000);
  int synced = open(in_folder(path, "synced"), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (result == 0 && write(synced, line, length) < 0) abort();
  close(synced);
  return result;
}
`;

// One whose assembler and linker are not on the PATH is none.
const compiler = tool('cc', {
  runs: ['-shared', '-x', 'c', '/dev/null', '-o', '/dev/null', '-ldl'],
  with: 'its linker',
});
/** The tools that make such a disk. */
export const SLOW_DISK = all(LINUX, compiler);

/** For processes that are started with its environment. */
export class SlowDisk {
  readonly folder = mkdtempSync(join(tmpdir(), 'rowgate-slow-disk-'));
  readonly environment: Readonly<Record<string, string>>;

  constructor() {
    const library = join(this.folder, 'shim.so');
    writeFileSync(`${library}.c`, SHIM);
    execFileSync(compiler.path ?? '', ['-shared', '-fPIC', '-o', library, `${library}.c`, '-ldl']);
    this.environment = { LD_PRELOAD: library, SLOW_DISK: this.folder };
  }

  /** Makes each sync take that many milliseconds. */
  slow(ms: number): void {
    writeFileSync(this.file('slow'), String(ms));
  }

  /** No sync ends, also one that has begun, until `goesOn`. */
  stands(): void {
    writeFileSync(this.file('stands'), '');
  }

  goesOn(): void {
    rmSync(this.file('stands'), { force: true });
  }

  /** Each sync fails until `recovers`, or the next one alone. */
  fails(how: 'fails' | 'fails-once' = 'fails'): void {
    writeFileSync(this.file(how), '');
  }

  recovers(): void {
    rmSync(this.file('fails'), { force: true });
  }

  /** The number of syncs of decision logs, since it was made. */
  get syncs(): number {
    // The first one makes the file.
    return existsSync(this.file('syncs')) ? readFileSync(this.file('syncs')).length : 0;
  }

  /** For each successful sync: the bytes of the file on the disk then, and the time in milliseconds. */
  get synced(): { readonly bytes: number; readonly time: number }[] {
    const lines = readFileSync(this.file('synced'), 'utf8').trimEnd().split('\n');
    return lines.map((line) => {
      const [bytes, time] = line.split(' ').map(Number);
      return { bytes: bytes ?? 0, time: time ?? 0 };
    });
  }

  /** Where `fails` puts its file: for a process that does it by itself. */
  get failsWhile(): string {
    return this.file('fails');
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private file(name: string): string {
    return join(this.folder, name);
  }
}
