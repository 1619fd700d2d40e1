"""AWS services on this machine, in a process of their own: for what functions are triggered by."""
