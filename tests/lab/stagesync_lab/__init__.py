"""The lab: an AWS endpoint and three real Linux hosts on one machine."""
