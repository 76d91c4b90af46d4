"""Is the service well, and what would an operator do about it?"""
