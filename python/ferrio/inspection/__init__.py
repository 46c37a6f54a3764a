"""python -m ferrio ps / pstree: the tasks of a live process, which a thread of that process describes.

`server` runs in the process that is looked at. From the first loop on, it listens on a Unix socket in a
directory that only the user can enter (`folders`). It answers each connection with a list of the process's
tasks (`tasks`). Its thread sleeps in accept(), and answers even while a callback blocks the loop.

`client` runs in the process of the command. It asks the server, and prints the answer as a table or as a tree
(`rendering`).
"""
