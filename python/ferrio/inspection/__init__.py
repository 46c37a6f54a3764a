"""python -m ferrio ps / pstree: the tasks of a live process, told by a thread of that process.

`server` listens in the process that is looked at, from its first loop on, on a Unix socket in a directory
that only its user can enter (`folders`). It answers each connection with a list of the process's tasks
(`tasks`). Its thread sleeps in accept() until somebody asks, and answers also while a callback blocks the
loop.

`client` asks, in the process that looks, and prints the answer as a table or as a tree (`rendering`).
"""
