"""Shifts the wall clock of the process that imports it by the seconds that a file holds, at any moment.

libfaketime replaces functions of the C library; the engine brings its own, which ask the page that the kernel maps into
every process (the vDSO). So this writes over that page's functions, in this process alone: the kernel is asked by a
system call instead, and the shift is added. Waits until a moment of the wall clock are not shifted with it: what waits
so is late, as after a real jump back. x86-64 Linux.
"""

import ctypes
import mmap
import os
import struct
from pathlib import Path

CLOCK_FILE = "SHIFTED_CLOCK_FILE"
_FUNCTION_TYPE = 2

_CLOCK_GETTIME = (
    "b8 e4 00 00 00  0f 05"  # mov eax, 228; syscall
    "85 c0  75 19"  # test eax, eax; jnz end
    "85 ff  74 05"  # test edi, edi; jz add (CLOCK_REALTIME)
    "83 ff 05  75 10"  # cmp edi, 5; jne end (CLOCK_REALTIME_COARSE)
    "48 b9 {cell}  48 8b 09  48 01 0e"  # add: mov rcx, cell; mov rcx, [rcx]; add [rsi], rcx
    "c3"  # end: ret
)
_GETTIMEOFDAY = (
    "b8 60 00 00 00  0f 05"  # mov eax, 96; syscall
    "48 85 ff  74 10"  # test rdi, rdi; jz end
    "48 b9 {cell}  48 8b 09  48 01 0f"  # mov rcx, cell; mov rcx, [rcx]; add [rdi], rcx
    "c3"
)
_TIME = (
    "b8 c9 00 00 00  57  31 ff  0f 05  5f"  # mov eax, 201; push rdi; xor edi, edi; syscall; pop rdi
    "48 b9 {cell}  48 8b 09  48 01 c8"  # mov rcx, cell; mov rcx, [rcx]; add rax, rcx
    "48 85 ff  74 03  48 89 07"  # test rdi, rdi; jz end; mov [rdi], rax
    "c3"
)
_REPLACED = {
    "__vdso_clock_gettime": _CLOCK_GETTIME,
    "__vdso_gettimeofday": _GETTIMEOFDAY,
    "__vdso_time": _TIME,
}


def shift_by(path: Path) -> None:
    """From here on; the file's eight bytes are the seconds, and may change while we live."""
    with path.open("r+b") as file:
        cell = mmap.mmap(file.fileno(), 8)
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    for mapped in (cell, code):  # needed to the very end of the process
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(mapped))
    seconds, start = _address(cell), _address(code)
    with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
        for name, address in _functions(_page()).items():
            if name in _REPLACED:
                text = _REPLACED[name].replace("{cell}", struct.pack("<Q", seconds).hex())
                at = start + code.tell()
                code.write(bytes.fromhex(text).ljust(64, b"\xcc"))
                memory.seek(address)
                memory.write(b"\x48\xb8" + struct.pack("<Q", at) + b"\xff\xe0")  # mov rax, at; jmp rax


def _address(mapped: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(mapped))


def _page() -> tuple[int, bytes]:
    lines = Path("/proc/self/maps").read_text().splitlines()
    low, high = (int(end, 16) for end in next(line for line in lines if "[vdso]" in line).split()[0].split("-"))
    return low, ctypes.string_at(low, high - low)


def _functions(page: tuple[int, bytes]) -> dict[str, int]:
    """The dynamic symbols of an ELF image, by name."""
    base, image = page
    [sections], [count] = struct.unpack_from("<Q", image, 40), struct.unpack_from("<H", image, 60)
    headers = [struct.unpack_from("<IIQQQQIIQQ", image, sections + 64 * number) for number in range(count)]
    symbols = next(header for header in headers if header[1] == 11)  # SHT_DYNSYM
    names = headers[symbols[6]][4]
    found = {}
    for at in range(symbols[4], symbols[4] + symbols[5], 24):
        name, info, _, _, value, _ = struct.unpack_from("<IBBHQQ", image, at)
        text = image[names + name : image.index(b"\0", names + name)].decode()
        if info & 15 == _FUNCTION_TYPE:
            found[text] = base + value
    return found


if CLOCK_FILE in os.environ:
    shift_by(Path(os.environ[CLOCK_FILE]))
