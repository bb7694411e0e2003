"""The bytes that the service keeps: uploads, and images that came inside a job. In a folder, or in an S3 bucket."""

from vision.files.incoming import IncomingFile
from vision.files.opening import open_store
from vision.files.store import BytesGone, Content, Entry, Store, Trouble

__all__ = ["BytesGone", "Content", "Entry", "IncomingFile", "Store", "Trouble", "open_store"]
