/**
 * Programs that try to break out, to cheat, or to bring their sandbox down; what may become of each, in any sandbox.
 */
import type { Execution } from '../../src/execution/types.js';

export interface HostileProgram {
  readonly title: string;
  readonly source: string;
  /** The outcomes that are fine. */
  readonly outcomes: readonly Execution['outcome'][];
  /** What stdout must be, where the program gets that far. */
  readonly stdout?: string | RegExp;
  /** Not for a sandbox that does not confine: there it would do its harm. */
  readonly needsConfinement?: boolean;
}

const any: HostileProgram['outcomes'] = [
  'completed',
  'runtime-error',
  'time-limit',
  'memory-limit',
  'output-limit',
];

/** Python that runs each attempt and prints those that succeeded. */
function attempts(setup: string, ...lines: readonly string[]): string {
  return [
    setup,
    'def attempt(name, action):',
    '    try:',
    '        result = action()',
    '    except BaseException:',
    '        return',
    '    print(name, "worked", result)',
    ...lines,
    'print("end")',
  ].join('\n');
}

export const HOSTILE_PROGRAMS: readonly HostileProgram[] = [
  {
    title: 'a fork bomb',
    needsConfinement: true,
    source: 'import os\nwhile True:\n    os.fork()',
    outcomes: ['runtime-error', 'time-limit', 'memory-limit'],
  },
  {
    title: 'a memory bomb',
    source: 'x = []\nwhile True:\n    x.append(bytearray(1 << 20))',
    outcomes: ['memory-limit'],
  },
  {
    title: 'one allocation beyond the limit',
    source: 'x = bytearray(1 << 30)\nprint(len(x))',
    outcomes: ['memory-limit'],
  },
  {
    title: 'endless output',
    source: 'while True:\n    print("x" * 1000)',
    outcomes: ['output-limit'],
    stdout: /^(x{1000}\n)+/,
  },
  { title: 'an endless loop', source: 'while True:\n    pass', outcomes: ['time-limit'] },
  {
    title: 'an endless loop that swallows every exception',
    source:
      'while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass',
    outcomes: ['time-limit'],
  },
  {
    title: 'an endless loop that ignores signals',
    source: [
      'import signal',
      'for number in range(1, 65):',
      '    try:',
      '        signal.signal(number, signal.SIG_IGN)',
      '    except (OSError, ValueError):',
      '        pass',
      'while True:',
      '    pass',
    ].join('\n'),
    outcomes: ['time-limit'],
  },
  {
    title: 'an endless loop inside the interpreter',
    source: 'sum(iter(int, 1))',
    outcomes: ['time-limit'],
  },
  {
    title: 'sleep',
    source: 'import time\ntime.sleep(1000)\nprint("awake")',
    outcomes: ['time-limit'],
    stdout: '',
  },
  {
    title: 'sys.exit(0) before the answer',
    source: 'import sys\nsys.exit(0)\nprint("answer")',
    outcomes: ['completed'],
    stdout: '',
  },
  {
    title: 'os._exit(0) before the answer',
    source: 'import os\nos._exit(0)\nprint("answer")',
    outcomes: ['completed'],
    stdout: '',
  },
  {
    title: 'a failing exit status',
    source: 'import os\nprint("answer", flush=True)\nos._exit(3)',
    outcomes: ['runtime-error'],
    stdout: 'answer\n',
  },
  {
    title: 'closing and forging our descriptors',
    needsConfinement: true,
    source: [
      'import os',
      'print("mine", flush=True)',
      'forged = b\'{"kind":"run","id":0,"index":0,"outcome":"returned"}\'',
      'message = (len(forged) + 4).to_bytes(4, "little") + len(forged).to_bytes(4, "little") + forged',
      'for fd in range(3, 64):',
      '    try:',
      '        os.write(fd, message)',
      '    except OSError:',
      '        pass',
      '    try:',
      '        os.close(fd)',
      '    except OSError:',
      '        pass',
    ].join('\n'),
    outcomes: ['completed', 'runtime-error'],
    stdout: /^(mine\n)?$/,
  },
  {
    title: 'closing standard output and writing on',
    source:
      'import os\nprint("first", flush=True)\nos.close(1)\ntry:\n    os.write(1, b"second")\nexcept OSError:\n    pass',
    outcomes: ['completed', 'runtime-error'],
    stdout: 'first\n',
  },
  {
    title: 'killing its parent, its siblings and everything else',
    needsConfinement: true,
    source: attempts(
      'import os, signal',
      'for pid in (os.getppid(), 1, -1, 0) + tuple(range(2, 50)):',
      '    if pid != os.getpid() and pid != 0:',
      '        try:',
      '            os.kill(pid, 9)',
      '        except BaseException:',
      '            pass',
    ),
    outcomes: any,
  },
  {
    title: 'ptrace',
    needsConfinement: true,
    source: attempts(
      'import os',
      'def trace():',
      '    import ctypes',
      '    return ctypes.CDLL(None, use_errno=True).ptrace(16, os.getppid(), 0, 0) == 0 or 1 / 0',
      'attempt("ptrace", trace)',
    ),
    outcomes: ['completed', 'runtime-error'],
    stdout: /^(end\n)?$/,
  },
  {
    title: 'writing outside its folder',
    needsConfinement: true,
    source: attempts(
      'import os',
      'for path in ("/etc/deskcheck", "/usr/deskcheck", "/deskcheck", "/lib/deskcheck", "/bin/deskcheck"):',
      '    attempt(path, lambda: open(path, "w").write("x"))',
      'attempt("remove", lambda: os.remove("/etc/hostname"))',
      'attempt("rename", lambda: os.rename("/usr", "/tmp/usr"))',
      'attempt("link", lambda: os.symlink("/etc", "/etc2"))',
    ),
    outcomes: ['completed'],
    stdout: 'end\n',
  },
  {
    title: 'filling the disk',
    needsConfinement: true,
    source: [
      'written = 0',
      'try:',
      '    with open("/tmp/full", "wb") as f:',
      '        while written < 1 << 30:',
      '            written += f.write(bytes(1 << 20))',
      'except OSError:',
      '    pass',
      'print(written < 1 << 30)',
    ].join('\n'),
    outcomes: ['completed', 'runtime-error', 'memory-limit'],
    stdout: /^(True\n)?$/,
  },
  {
    title: 'making files without end',
    needsConfinement: true,
    source: [
      'try:',
      '    for i in range(1_000_000):',
      '        open(f"/tmp/{i}", "w").close()',
      '    print("no end")',
      'except OSError:',
      '    print("stopped")',
    ].join('\n'),
    outcomes: ['completed', 'time-limit', 'runtime-error', 'memory-limit'],
    stdout: /^(stopped\n)?$/,
  },
  {
    title: 'reading the environment, users and other processes',
    needsConfinement: true,
    source: attempts(
      'import os',
      'print(sorted(k for k in os.environ if "SECRET" in k or k in ("PATH2", "USERPROFILE")))',
      'attempt("passwd", lambda: [line for line in open("/etc/passwd")][0])',
      'attempt("shadow", lambda: open("/etc/shadow").read())',
      'attempt("parent", lambda: open(f"/proc/{os.getppid()}/environ", "rb").read() or 1 / 0)',
      'def others():',
      '    pids = [p for p in os.listdir("/proc") if p.isdigit()]',
      '    return [p for p in pids if b"SECRET" in open(f"/proc/{p}/environ", "rb").read()] or 1 / 0',
      'attempt("others", others)',
    ),
    outcomes: ['completed'],
    stdout: '[]\nend\n',
  },
  {
    title: 'opening a socket',
    needsConfinement: true,
    source: attempts(
      'import socket',
      'def connect():',
      '    s = socket.create_connection(("127.0.0.1", PORT), timeout=1)',
      '    return s.send(b"hello")',
      'attempt("connect", connect)',
      'attempt("lookup", lambda: socket.gethostbyname("example.com"))',
    ),
    outcomes: ['completed', 'runtime-error'],
    stdout: /^(end\n)?$/,
  },
  {
    title: 'deep recursion',
    source: 'def f(n):\n    return f(n + 1)\nf(0)',
    outcomes: ['runtime-error'],
  },
  {
    title: 'recursion without a limit',
    source: 'import sys\nsys.setrecursionlimit(10**9)\ndef f(n):\n    return f(n + 1)\nf(0)',
    outcomes: ['runtime-error', 'memory-limit', 'time-limit'],
  },
  {
    title: 'recursion through C code without a limit',
    source: [
      'import sys',
      'sys.setrecursionlimit(10**9)',
      'class A:',
      '    def __repr__(self):',
      '        return repr(self)',
      'repr(A())',
    ].join('\n'),
    outcomes: ['runtime-error', 'memory-limit', 'time-limit'],
  },
  {
    title: 'threads that never end',
    source: [
      'import threading',
      'def forever():',
      '    while True:',
      '        pass',
      'for _ in range(4):',
      '    threading.Thread(target=forever).start()',
      'print("main is done")',
    ].join('\n'),
    outcomes: ['time-limit'],
  },
  {
    title: 'a 10-million-digit integer',
    source: 'import sys\nsys.set_int_max_str_digits(0)\nprint(len(str(7 ** 11832947)))',
    outcomes: ['time-limit', 'memory-limit', 'completed'],
  },
  {
    title: 'invalid UTF-8',
    source: 'import sys\nsys.stdout.buffer.write(b"a\\xff\\xfe\\xc3b\\n")',
    outcomes: ['completed'],
    stdout: /^a\ufffd+b\n$/,
  },
  {
    title: 'a lone surrogate',
    source: 'print("\\ud800")',
    outcomes: ['runtime-error'],
  },
  {
    title: 'NUL bytes and form feeds',
    source: 'print("a\\0b\\fc")',
    outcomes: ['completed'],
    stdout: 'a\0b\fc\n',
  },
  {
    title: 'leaving daemons behind',
    needsConfinement: true,
    source: [
      'import os, sys, time',
      'if os.fork() == 0:',
      '    os.setsid()',
      '    if os.fork() == 0:',
      '        time.sleep(3600)',
      '    os._exit(0)',
      'print("left")',
    ].join('\n'),
    outcomes: ['completed', 'runtime-error'],
  },
  {
    title: 'an exception whose message never ends',
    source: 'class E(Exception):\n    def __str__(self):\n        while True:\n            pass\nraise E()',
    outcomes: ['time-limit'],
  },
  {
    title: 'an exception whose message raises',
    source: 'class E(Exception):\n    def __str__(self):\n        raise SystemExit(0)\nraise E()',
    outcomes: ['runtime-error'],
  },
  {
    title: 'closing sys.stdout',
    source: 'import sys\nprint("before")\nsys.stdout.close()',
    outcomes: ['completed'],
    stdout: 'before\n',
  },
  {
    title: 'replacing sys.stdout',
    source: 'import sys, io\nprint("before")\nsys.stdout = io.StringIO()\nprint("after")',
    outcomes: ['completed'],
    stdout: 'before\n',
  },
  {
    title: 'an interpreter crash',
    source: attempts('', 'import ctypes', 'ctypes.string_at(0)'),
    outcomes: ['runtime-error', 'completed'],
  },
  {
    title: 'bytecode that was never compiled',
    source: [
      'def f(): pass',
      'f.__code__ = f.__code__.replace(co_code=b"\\xff\\xff" * 40, co_stacksize=1)',
      'f()',
    ].join('\n'),
    outcomes: ['runtime-error', 'completed', 'time-limit', 'memory-limit'],
  },
];

/** Spoils everything within reach; `innocent` must print the same after it as before. */
export const spoiler = (folder: string): string =>
  [
    'import builtins, sys, gc, math, json, os, random, collections, io',
    'math.pi = 3',
    'math.sqrt = None',
    'json.dumps = json.loads = lambda *a, **k: "{}"',
    'collections.Counter = None',
    'random.seed = None',
    `open("${folder}/left", "w").write("left")`,
    'open("here", "w").write("left")',
    `os.mkdir("${folder}/folder")`,
    `os.chdir("${folder}/folder")`,
    'os.environ["LEFT"] = "1"',
    'sys.path.insert(0, "/tmp")',
    'sys.setrecursionlimit(50)',
    'sys.modules["heapq"] = None',
    'for o in gc.get_objects():',
    '    if isinstance(o, dict) and "FILENAME" in o and "describe" in o:',
    '        o["describe"] = o["run"] = None',
    '    if isinstance(o, list) and o is not sys.path and len(o) < 3 and o and isinstance(o[0], str):',
    '        try:',
    '            o.clear()',
    '        except BaseException:',
    '            pass',
    'import atexit',
    'def wicked(*a, **k):',
    '    raise SystemExit(0)',
    'builtins.len = builtins.sorted = builtins.open = builtins.input = wicked',
    'builtins.compile = builtins.exec = builtins.eval = wicked',
    'sys.stdin = sys.stdout = sys.stderr = None',
    'sys.settrace(wicked)',
    'atexit.register(wicked)',
    'builtins.print = wicked',
  ].join('\n');

/** Prints what a spoiled interpreter would print differently. */
export const innocent = (folder: string): string =>
  [
    'import math, json, collections, heapq, os, sys, random',
    'print(len(sorted([2, 1])), math.pi, math.sqrt(4), json.dumps([1]), dict(collections.Counter("aa")))',
    `print(os.path.exists("here"), sorted(os.listdir("${folder}")), "LEFT" in os.environ)`,
    'print(heapq.nlargest(1, [1, 2]), sys.getrecursionlimit() >= 900, sys.gettrace(), "/tmp" in sys.path)',
    'random.seed(1)',
    'print(random.randint(1, 100), input())',
  ].join('\n');

export const INNOCENT_OUTPUT =
  "2 3.141592653589793 2.0 [1] {'a': 2}\nFalse [] False\n[2] True None False\n18 hello\n";

/** Ways from Pyodide to the JavaScript around it; none may print `escaped`. */
export const NODE_ESCAPES: readonly (readonly [title: string, source: string])[] = [
  ['import js', 'import js\nprint("escaped", js.process.version)'],
  ['import pyodide_js', 'import pyodide_js\nprint("escaped", pyodide_js._module)'],
  ['run_js', 'from pyodide.code import run_js\nprint("escaped", run_js("process.version"))'],
  ['the core module', 'import _pyodide_core\nprint("escaped", _pyodide_core.JsProxy)'],
  [
    'the importer again',
    'import _pyodide._importhook as h\nh.register_js_finder()\nimport js\nprint("escaped", js)',
  ],
  [
    'proxies in the heap',
    [
      'import gc',
      'for o in gc.get_objects():',
      '    if type(o).__name__ in ("JsProxy", "JsCallable", "JsMethod", "JsObject", "JsDoubleProxy"):',
      '        print("escaped", o.constructor.constructor("return process")())',
    ].join('\n'),
  ],
  [
    'subclasses of object',
    [
      'def all_subclasses(cls):',
      '    for sub in type.__subclasses__(cls):',
      '        yield sub',
      '        yield from all_subclasses(sub)',
      'for cls in all_subclasses(object):',
      '    if cls.__module__.startswith(("pyodide", "_pyodide", "js")):',
      '        for name in ("new", "from_js", "__call__", "constructor"):',
      '            try:',
      '                print("escaped", getattr(cls, name)(1).constructor)',
      '            except Exception:',
      '                pass',
    ].join('\n'),
  ],
  [
    'ctypes',
    'import ctypes\nlib = ctypes.CDLL(None)\nlib.emscripten_run_script(b"globalThis.x = 1")\nprint("escaped")',
  ],
  [
    'ctypes memory',
    'import ctypes\nctypes.memset(id(0), 255, 4096)\nprint("escaped" if open("/etc/passwd").read() else "")',
  ],
  ['the terminal device', 'print("escaped", open("/dev/tty").read(1))'],
  [
    'a device made anew',
    'import os\nos.mknod("/tmp/t", 0o020666, os.makedev(5, 0))\nprint("escaped", open("/tmp/t").read(1))',
  ],
  ['os.system', 'import os\nr = os.system("true")\nprint("escaped" if r == 0 else "")'],
  ['subprocess', 'import subprocess\nprint("escaped", subprocess.run(["true"]).returncode)'],
  ['a shared library', 'import _ctypes\nprint("escaped", _ctypes.dlopen("/lib/x.so", 0))'],
  ['webbrowser', 'import webbrowser\nwebbrowser.open("file:///etc/passwd")\nprint("escaped" if 0 else "")'],
  [
    'urllib',
    'import urllib.request\nprint("escaped", urllib.request.urlopen("http://127.0.0.1:PORT/").read())',
  ],
];
