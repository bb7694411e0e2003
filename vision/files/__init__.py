"""The file store: uploads, and images that came inside a job, in a folder or in an S3 bucket."""

from vision.files.incoming import IncomingFile
from vision.files.opening import open_store
from vision.files.store import BytesGone, Content, Store, StoredObject, StoreUnavailable

__all__ = ["BytesGone", "Content", "IncomingFile", "Store", "StoreUnavailable", "StoredObject", "open_store"]
