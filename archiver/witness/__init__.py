"""The admin's side of the evidence: which devices count, and what an archive held each day.

A bucket can be written by devices, and by whoever stole their credentials. Here an admin, whose
key no device has, says two things in it, each in a chain of signed notes:

* the registry: which keys speak for which devices, and since and until when (`register`);
* the checkpoints: which manifests there were, once and for ever (`checkpoint`).

Promises:

1. Nothing is signed on top of what is not sound, and nothing is overwritten.
2. What this machine has signed before must still be in the store, the very same (`memory`): a
   store that was set back, or forked, is refused and told.
3. Only manifests are covered that a device signed with a key that the registry approves.

Limits: before the first checkpoint nothing is fixed, and a machine that never signed for a
tenant believes the store's sound chains as they are; a copy or a timestamp speaks for earlier.
Two admins who sign at the same moment are told, and one of them repeats the command.
"""
