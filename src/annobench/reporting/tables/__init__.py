"""Tables, one file each; `annobench.reporting` holds the contract."""
