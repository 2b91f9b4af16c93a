"""The named reads of `groundswell.store.port` in SQL, one module for each noun."""
