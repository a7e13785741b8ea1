"""The adapters to a cluster: what runs its nodes, PD, metrics, and the load on it."""
