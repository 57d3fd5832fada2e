"""Files: everything that reads or writes one."""
