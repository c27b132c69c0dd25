"""Training of fusion networks: `data` draws the crops, `run` is the loop and its folder, `records` what it logs."""
