"""What `python3 -I /usr/local/lib/dingli/logs` runs."""

import sys

from dingli_logstore.command import main

sys.exit(main(sys.argv[1:]))
