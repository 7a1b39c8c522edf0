"""The lab: sites of systemd hosts on one Linux machine, with networks and a power switch, as a data centre has them."""
