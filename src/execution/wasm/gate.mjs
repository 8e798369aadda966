/**
 * The gate between the Python interpreter and JavaScript.
 *
 * A WebAssembly module can reach the outside only through its imports. While the interpreter starts, all of them
 * work; once the gate is locked, only those that plain Python needs (clock, in-memory files, memory growth) pass,
 * sockets and processes answer with an error number, and everything else ends the program. So the Python-to-JavaScript
 * bridge (`js`, `pyodide_js`, proxies, their constructors), `ctypes` and `dlopen` are dead at the boundary itself,
 * whatever Python code finds in its own memory.
 *
 * Owns: which imports are allowed, time, output and memory limits of the running program. Leaves out: files
 * (files.mjs), process-level walls (the parent starts us under Node's permission model).
 */

/** Thrown through the WebAssembly stack to end a program; Python cannot catch it. */
export class ProgramEnd extends Error {
  /**
   * @param {'exit' | 'time-limit' | 'output-limit' | 'trap' | 'violation'} reason
   * @param {string} detail
   */
  constructor(reason, detail = '') {
    super(`${reason} ${detail}`);
    this.reason = reason;
    this.detail = detail;
  }
}

const ALLOWED = new Set(
  `_PyEM_TrampolineCall_JS _Py_emscripten_runtime __syscall_getuid32_js __syscall_ioctl
  _try_fcntl64 _maybe_poll_async __syscall_fcntl64 __syscall_openat _tzset_js __syscall_faccessat __syscall_chdir
  __syscall_chmod __syscall_fchownat __syscall_dup __syscall_dup3 _munmap_js _msync_js _mmap_js emscripten_date_now
  __syscall_fchdir __syscall_fchmod __syscall_fchmodat2 __syscall_fchown32 __syscall_fdatasync __syscall_fstat64
  __syscall_stat64 __syscall_newfstatat __syscall_lstat64 __syscall_ftruncate64 __syscall_getcwd __syscall_getdents64
  __syscall_mkdirat _timegm_js _mktime_js _localtime_js _gmtime_js __syscall_poll __syscall_fadvise64
  __syscall_fallocate _emscripten_get_progname emscripten_runtime_keepalive_push emscripten_runtime_keepalive_pop
  _emscripten_runtime_keepalive_clear __syscall_readlinkat __syscall_unlinkat __syscall_rmdir __syscall_renameat
  __syscall_statfs64 __syscall_fstatfs64 emscripten_get_heap_max __syscall_truncate64 __syscall_utimensat
  __call_sighandler environ_sizes_get environ_get fd_close fd_read clock_res_get clock_time_get fd_sync
  fd_fdstat_get fd_seek fd_pread`.split(/\s+/),
);

const NOT_PERMITTED = 63;
const NOT_IMPLEMENTED = 52;

/** What refused imports answer, by name; any other import ends the program. @type {Record<string, number | null>} */
const REFUSED = {
  __syscall_socket: -NOT_PERMITTED,
  __syscall_bind: -NOT_PERMITTED,
  __syscall_connect: -NOT_PERMITTED,
  __syscall_listen: -NOT_PERMITTED,
  __syscall_accept4: -NOT_PERMITTED,
  __syscall_getpeername: -NOT_PERMITTED,
  __syscall_getsockname: -NOT_PERMITTED,
  __syscall_getsockopt: -NOT_PERMITTED,
  __syscall_recvfrom: -NOT_PERMITTED,
  __syscall_recvmsg: -NOT_PERMITTED,
  __syscall_sendmsg: -NOT_PERMITTED,
  __syscall_sendto: -NOT_PERMITTED,
  __syscall_pipe: -NOT_IMPLEMENTED,
  __syscall_mknodat: -NOT_PERMITTED,
  __syscall_symlinkat: -NOT_PERMITTED,
  _setitimer_js: -NOT_IMPLEMENTED,
  _emscripten_system: -NOT_IMPLEMENTED,
  _try_shutdown: 0,
  can_run_sync_js: 0,
  getaddrinfo: -4,
  getnameinfo: -4,
  getprotobyname: 0,
  _dlopen_js: 0,
  _dlsym_js: 0,
  _emscripten_lookup_name: 0,
};

/**
 * @typedef {object} Limits
 * @property {number} cpuTimeMs
 * @property {number} memoryLimitBytes
 * @property {number} outputLimitBytes
 * @property {boolean} soft whether time being up is first told to Python as an interrupt (so that a trace can be
 *   handed over), and enforced only a grace period later
 */

const GRACE_MS = 500;
const INITIAL_UMASK = 0o22;
const INTERRUPT_SIGNAL = 2;

/** Creates the gate; `wrap` goes around the module's imports before it is instantiated. */
export function createGate() {
  let locked = false;
  let startedAt = 0;
  let nextCheck = Number.POSITIVE_INFINITY;
  /** @type {NodeJS.CpuUsage} */
  let startedCpu = process.cpuUsage();
  /** @type {Limits} */
  let limits = {
    cpuTimeMs: Number.POSITIVE_INFINITY,
    memoryLimitBytes: Number.POSITIVE_INFINITY,
    outputLimitBytes: Number.POSITIVE_INFINITY,
    soft: false,
  };
  let interrupted = false;
  let memoryRefused = false;
  let randomState = 0;
  let umask = INITIAL_UMASK;
  /** @type {Buffer[]} */
  let output = [];
  let outputBytes = 0;
  let outputOverflow = false;
  /** @type {WebAssembly.Memory | undefined} */
  let memory;

  const cpuTimeMs = () => {
    const used = process.cpuUsage(startedCpu);
    return Math.min((used.user + used.system) / 1000, performance.now() - startedAt);
  };

  /** Returns a signal number, or 0; throws when the time is over for good. */
  const checkTime = () => {
    const now = performance.now();
    if (now < nextCheck) return 0;
    const left = limits.cpuTimeMs + (interrupted ? GRACE_MS : 0) - cpuTimeMs();
    if (left > 0) {
      nextCheck = now + Math.max(1, left);
      return 0;
    }
    if (limits.soft && !interrupted) {
      interrupted = true;
      nextCheck = now + GRACE_MS;
      return INTERRUPT_SIGNAL;
    }
    throw new ProgramEnd('time-limit');
  };

  /** @param {string} name @param {Function} original @returns {Function} */
  const handler = (name, original) => {
    switch (name) {
      case '_Py_CheckEmscriptenSignals_Helper':
        return () => (locked ? checkTime() : 0);
      case 'emscripten_get_now':
        // `time.sleep` spins on this clock, without looking for signals.
        return () => {
          if (locked && performance.now() >= nextCheck) {
            limits.soft = false;
            checkTime();
          }
          return original();
        };
      case 'emscripten_resize_heap':
        return (/** @type {number} */ size) => {
          if (locked && size >>> 0 > limits.memoryLimitBytes) {
            memoryRefused = true;
            return 0;
          }
          return original(size);
        };
      case 'fd_write':
      case 'fd_pwrite':
        return (/** @type {unknown[]} */ ...args) => {
          const result = original(...args);
          if (outputOverflow) throw new ProgramEnd('output-limit');
          return result;
        };
      case 'random_get':
        // The same bytes in every run: an execution depends on the program and its input alone.
        return (/** @type {number} */ buffer, /** @type {number} */ size) => {
          if (memory === undefined) return original(buffer, size);
          const bytes = new Uint8Array(memory.buffer, buffer >>> 0, size >>> 0);
          for (let i = 0; i < bytes.length; i++) {
            randomState = (Math.imul(randomState, 1664525) + 1013904223) | 0;
            bytes[i] = randomState >>> 24;
          }
          return 0;
        };
      case '__syscall_umask_js':
        // Emscripten would change that of the Node process.
        return (/** @type {number} */ mask) => {
          const before = umask;
          umask = mask & 0o777;
          return before;
        };
      case 'exit':
      case 'proc_exit':
        return (/** @type {number} */ status) => {
          if (locked) throw new ProgramEnd('exit', String(status));
          return original(status);
        };
      case '__assert_fail':
      case '_abort_js':
        return (/** @type {unknown[]} */ ...args) => {
          if (locked) throw new ProgramEnd('trap', name);
          return original(...args);
        };
      default: {
        const answer = REFUSED[name];
        return (/** @type {unknown[]} */ ...args) => {
          if (!locked) return original(...args);
          if (answer !== undefined) return answer;
          throw new ProgramEnd('violation', name);
        };
      }
    }
  };

  return {
    /** @param {Record<string, Record<string, unknown>>} imports */
    wrap(imports) {
      /** @type {Record<string, Record<string, unknown>>} */
      const wrapped = { ...imports };
      for (const space of ['env', 'wasi_snapshot_preview1']) {
        const originals = imports[space];
        if (originals === undefined) continue;
        // The loader makes stubs for missing imports on demand, hence a proxy and not a copy.
        wrapped[space] = new Proxy(originals, {
          get(target, key) {
            const value = Reflect.get(target, key);
            if (typeof value !== 'function' || typeof key !== 'string' || ALLOWED.has(key)) return value;
            return handler(key, value);
          },
        });
      }
      return wrapped;
    },
    /** @param {WebAssembly.Memory} instanceMemory */
    setMemory(instanceMemory) {
      memory = instanceMemory;
    },
    lock() {
      locked = true;
    },
    /** Starts the clock and the caps for one run. @param {Limits} next */
    begin(next) {
      limits = { ...next };
      interrupted = false;
      memoryRefused = false;
      output = [];
      outputBytes = 0;
      outputOverflow = false;
      randomState = 0;
      umask = INITIAL_UMASK;
      startedCpu = process.cpuUsage();
      startedAt = performance.now();
      nextCheck = startedAt + limits.cpuTimeMs;
    },
    /** Stops the clock; what the run used. */
    finish() {
      const used = {
        cpuTimeMs: cpuTimeMs(),
        wallTimeMs: performance.now() - startedAt,
        stdout: Buffer.concat(output).toString('utf8'),
        interrupted,
        memoryRefused,
        outputOverflow,
      };
      nextCheck = Number.POSITIVE_INFINITY;
      output = [];
      return used;
    },
    /** Takes what the program prints. @param {Uint8Array} bytes @returns {number} */
    takeOutput(bytes) {
      const room = limits.outputLimitBytes - outputBytes;
      if (bytes.length > room) outputOverflow = true;
      if (room > 0) output.push(Buffer.from(bytes.length > room ? bytes.subarray(0, room) : bytes));
      outputBytes += bytes.length;
      return bytes.length;
    },
  };
}
