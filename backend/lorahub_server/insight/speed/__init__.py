"""What adapters cost a worker: time to load, to switch, to draw; memory."""
