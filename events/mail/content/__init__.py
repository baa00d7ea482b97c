"""What each kind of mail says: one module for each subject, put together in ``kinds``."""
