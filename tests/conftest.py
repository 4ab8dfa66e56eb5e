"""What holds for the tests of every package; it imports none of them."""

import os

# Tests run in two processes: one thread each, set before torch is imported, or they get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")
