"""A set that grows night by night: what is new, whether it is good, and which version a reader may trust."""
