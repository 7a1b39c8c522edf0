"""The provider `deployment`: roles applied to a group of hosts."""
