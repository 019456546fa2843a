"""The command for a shell: ``warm_command.py SOCKET ARGUMENT...`` has the warm process fork it."""

from __future__ import annotations

import json
import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as warm:
    warm.connect(sys.argv[1])
    job = {
        "argv": ["kernel", *sys.argv[2:]],
        "folder": os.getcwd(),
        "env": dict(os.environ),
        "limits": [],
    }
    data = json.dumps(job).encode() + b"\n"
    warm.sendall(data[socket.send_fds(warm, [data], [0, 1, 2]) :])
    *_, ended = warm.makefile()
    status = json.loads(ended)["status"]
    sys.exit(status if status >= 0 else 128 - status)
