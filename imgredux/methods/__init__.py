"""The contract: all that the author of a method reads. Importing it imports no torch; `base` and what builds on it do.

`spec` says what a declaration holds, `hooks` where it is given; `base` has Method and Estimator, `restorer` and `codec`
the other kinds, `filecodec` codecs that write a public format.
"""
