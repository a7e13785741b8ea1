"""The engine: runs experiments against ports, writes history, and knows nobody who watches."""
