import logging
import sys

import ferrio

logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(name)s %(message)s")
loop = ferrio.new_event_loop()
loop.call_soon(int, "no number")
loop.call_soon(loop.stop)
loop.run_forever()
loop.close()
