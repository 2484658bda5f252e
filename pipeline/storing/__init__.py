"""What is kept: folders on disks and object stores, claims, staging, tables."""
