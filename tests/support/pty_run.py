"""Runs a command on a terminal of its own and copies what it writes.

usage: pty_run.py COLUMNS TEXT COMMAND...
At the first TEXT in the output, if there is one, Ctrl-C is typed, or what the
variable TYPED says. It is an error if the command leaves the terminal in another
mode than it was in.
"""
import fcntl
import os
import pty
import struct
import sys
import termios

columns, text, command = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    size = struct.pack("HHHH", 24, columns, 0, 0)
    fcntl.ioctl(0, termios.TIOCSWINSZ, size)
    os.execvp(command[0], command)
typed = os.environ.get("TYPED", "\x03").encode()
modes = termios.tcgetattr(fd)
seen = b""
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    seen += data
    if text and text in seen:
        text = b""
        os.write(fd, typed)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
if termios.tcgetattr(fd) != modes:
    sys.exit("the terminal is not as it was")
sys.exit(code)
