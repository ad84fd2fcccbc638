"""What each kind of finding means for the evidence, for whoever has to act on it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

__all__ = ["MEANS"]

MEANS: Final = MappingProxyType(
    {
        "nothing-there": "There is no archive where one was looked for. That is never a success.",
        "nothing-in-scope": "The archive is there, and nothing of what was asked for is in it.",
        "nothing-read": "Chunks were to be read and none was: that says nothing about them. Choose"
        " a larger subset, or another one.",
        "manifest-altered": "What a device signed was changed later. What it listed is not known"
        " from it; a replica, or the roll-up that covers it, has the original.",
        "manifest-invalid": "An object stands where a manifest belongs and is none. If it is signed"
        " by the device, its software or its key is in wrong hands.",
        "manifest-newer": "A newer archiver wrote it; this one cannot judge it. Use that one.",
        "manifest-misplaced": "A genuine manifest was copied to where it does not belong.",
        "manifest-missing": "Devices number their manifests without a gap: one was removed. What"
        " it listed is not accounted for.",
        "manifest-chain": "Each manifest names the one before by its hash; this one names another."
        " One of the two is not what was first signed.",
        "manifest-fork": "Two manifests of one number, both signed: the state of the device was"
        " copied, or its key is in other hands as well.",
        "tail-missing": "A checkpoint proves that these manifests existed. They were removed.",
        "history-rewritten": "A checkpoint proves that other bytes stood here. Somebody put"
        " this there later.",
        "listing-invalid": "A device signed an entry that cannot be true: its software or its key"
        " is in wrong hands.",
        "sequence-reused": "Two different chunks have one number: one of them was not first.",
        "count-wrong": "The device lists more than it says it captured, or counts backwards.",
        "silence": "Nothing is known of that time. The machine was off, or archiver was stopped;"
        " that something was deleted is not shown by it.",
        "device-missing": "The admin approved it, and nothing of it is here: it never shipped, or"
        " all of it was removed.",
        "clock-backwards": "Times of this device, or of the admin, are not to be relied upon here."
        " The order of manifests and records is.",
        "signature-wrong": "It was not made, or not so, by the device that it names. Nothing in it"
        " is evidence.",
        "signer-revoked": "The admin had withdrawn the key before. What it signs afterwards is not"
        " evidence.",
        "signer-unknown": "It is whole, and nobody says whose it is. Let the admin compare the key"
        " with the device's own, then approve it.",
        "recovery-unproved": "A device speaks for the chunks of another, which did not sign for"
        " that. They may be what a lost state left behind, or somebody's invention.",
        "signer-not-yet": "The device signed before the admin vouched for its key.",
        "signer-unproven": "The key was withdrawn later. That these manifests are older is their"
        " own word; compare them with what is known otherwise.",
        "enrolment-invalid": "A device's request to be known was changed, or was made for another.",
        "registry-invalid": "The list of approved devices was changed, or signed by a stranger. An"
        " earlier one is used.",
        "registry-gone": "A list of approved devices was removed: revocations in it may be missed.",
        "registry-missing": "Nobody vouches for the devices. That the manifests are theirs is their"
        " own word.",
        "checkpoint-none": "Nothing holds history fixed: whatever came last could be cut off"
        " unseen. Run `archiver checkpoint`; if there was one before, it was removed.",
        "checkpoint-invalid": "It was changed, or signed by a stranger. What only it covers is not"
        " held fixed.",
        "checkpoint-inconsistent": "Two checkpoints contradict each other: the history that was"
        " signed was rewritten, or the admin's key is in other hands.",
        "checkpoint-missing": "A checkpoint was removed. What later ones cover is held fixed.",
        "rollup-altered": "The list of what a checkpoint covers was changed. That what it named is"
        " still there can be seen from the devices' own chains only.",
        "rollup-missing": "The list of what a checkpoint covers was removed. That what it named is"
        " still there can be seen from the devices' own chains only.",
        "rollup-not-listed": "A run that was cut off leaves one. No harm.",
        "timestamp-altered": "It was changed, and proves no time any more. A replica may have it.",
        "timestamp-unknown": "It belongs to no checkpoint that is there: that one was removed, or"
        " somebody put this there.",
        "order-invalid": "An order of the admin was changed, signed by a stranger, or there are two"
        " of its number. It excuses nothing.",
        "order-missing": "An order was removed. What it allowed to go looks like loss now, and a"
        " hold in it is not known.",
        "order-gone": "A checkpoint names an order that is not there: it was removed. A hold in it"
        " is not known, and what it allowed to go looks like loss.",
        "order-unlawful": "The admin ordered away what the order's own words do not cover: it was"
        " not yet due, or of another class, person or month.",
        "hold-broken": "The admin ordered away what a legal hold covered at that time.",
        "order-unfinished": "It may go and is still there: a lock keeps it, the store's lifecycle"
        " comes later, or the next `archiver retention apply` removes it. No harm.",
        "erasure-unfinished": "The keys of an erased person are still there, so nothing is erased"
        " yet. Run `archiver erase` again: it completes what was broken off.",
        "sealed-to-erased": "A device went on with keys that were destroyed: nobody can read what"
        " it sealed. Set sealing.keys_since in the policy.",
        "chunk-missing": "These records were stored and are gone. A replica may have them.",
        "chunk-size": "Its bytes are not those that were stored. --read-data says more.",
        "chunk-truncated": "The end of these records is gone. A replica may have it.",
        "chunk-appended": "Something was added behind the records. What is listed is whole; what"
        " follows is no evidence.",
        "chunk-altered": "These bytes are not those that the device listed: no evidence. A replica"
        " may have the original.",
        "chunk-swapped": "Chunks changed places. Their bytes are whole and can be put back.",
        "chunk-misplaced": "A chunk lies where it does not belong. Its bytes can be put back; they"
        " were not looked at.",
        "chunk-inserted": "It was put there by somebody else than the device. No evidence.",
        "chunk-unreadable": "The device listed bytes that nobody can read.",
        "chunk-gap": "Chunks of these numbers were never listed: they are still on the device, or"
        " were lost there.",
        "chunk-unlisted": "It was stored, and no device vouches for it. No evidence as it stands.",
        "chunk-not-yet-listed": "It was stored and its device has not vouched for it: it was cut"
        " off, and will; or somebody put it there. Look again after it shipped.",
        "chunk-quarantined": "The device says that these records are not in the archive.",
        "chunk-purged": "Somebody gave these records up with `archiver purge`, and the device"
        " says so.",
        "chunk-expired": "These records were older than their retention before they were sent,"
        " and the device says so. No harm.",
        "key-missing": "What is sealed to this key can be opened by nobody: no wrap of it is left."
        " Erased by right, there must be a record of it.",
        "key-rewrapped": "This wrap is gone and another of the same key is left. No harm, where an"
        " officer can open that one: --read-records shows it.",
        "key-altered": "What is sealed to this key may be lost. A replica may have the original.",
        "key-not-listed": "It was wrapped for other officers, or comes before its chunk. No harm.",
        "foreign-object": "Somebody else writes into the archive. Find out who may.",
        "reserved-object": "A newer archiver keeps something there, which this one cannot judge.",
        "records-differ": "The device listed other counts or times than the chunk has.",
        "record-misfiled": "A record stands in the chunk of another person, day or device: who is"
        " shown or erased by key would be wrong.",
        "record-order": "Records are not in order: readers that merge chunks may misplace them.",
        "record-repeated": "A record is there twice. The same bytes count once.",
        "position-gap": "Records of a conversation are missing, though all chunks are there.",
        "records-dropped": "Records were given up before they were sent, and the device says so.",
        "chunk-closed": "The bytes are as listed. What they say was to be looked at, and"
        " was not: bring the private key of an officer, with --identity.",
    }
)
"""By code, two sentences at most: what it means, and where it helps, what to do."""
