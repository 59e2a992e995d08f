# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Finds personal data: drafts the rules of a source that has none yet, and looks for what is left in a clean copy.

detectors.py    what one value is: whole(value) and spans(text) -> hits by name, with no memory of other values
                (spans is there for the mask `text` too)
vocabulary.py   what a field's name says it holds, and whether a word is a person's name
shape.py        a value's form without the value: the only thing of it that leaves this package
profile.py      what was seen at every path of a collection; arrays are gone through, maps with dynamic keys found out
classify.py     a path's profile -> personal, not personal, or to be decided by a human, with a confidence
draft.py        the rule file: a new one, or an existing one with what is new put in and nothing else changed
products.py     which findings in a clean copy are the masks' own work
scan.py         the work on a server, in worker processes: draft() and check()
preview.py      some documents before and after, masked on the fly
"""
