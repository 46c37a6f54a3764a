import gc
import warnings

import ferrio

warnings.simplefilter("always")
with warnings.catch_warnings(record=True) as caught:
    loop = ferrio.new_event_loop()
    loop = None
    gc.collect()
print([(str(one.message)[:20], one.category.__name__) for one in caught if "loop" in str(one.message)])
