"""The rules, one file each: features of a step in, a finding out."""
