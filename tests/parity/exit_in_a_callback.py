import ferrio

for kind in (SystemExit, KeyboardInterrupt):

    def leave():
        raise kind("from a callback")

    loop = ferrio.new_event_loop()
    log = []
    loop.call_soon(log.append, "before")
    loop.call_soon(leave)
    loop.call_soon(log.append, "after")
    try:
        loop.run_forever()
    except BaseException as error:
        print(repr(error), log, loop.is_running())
    loop.call_soon(loop.stop)
    loop.run_forever()
    print(log)
    loop.close()
