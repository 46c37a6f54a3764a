"""One round with each kind of object: what comes has to go again. test_references.py counts what does not."""
