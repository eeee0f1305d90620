"""Files: found on this machine or downloaded, checked, and read whatever packs them."""
