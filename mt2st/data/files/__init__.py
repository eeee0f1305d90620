"""Files: found on this machine or downloaded, checked, read whatever their format is, and made once."""
