"""What there is of an environment, asked of its hosts alone: no engine, no state but keys and known_hosts.

`Hosts.look` asks, `judge` makes a picture of the answers, `screen` shows it.
"""

from dingli.status.answers import HostSeen
from dingli.status.ask import Hosts
from dingli.status.judge import judge
from dingli.status.look import look
from dingli.status.picture import CellStatus, CoreStatus, Picture

__all__ = ["CellStatus", "CoreStatus", "HostSeen", "Hosts", "Picture", "judge", "look"]
