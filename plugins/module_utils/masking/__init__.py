# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Masking rules and the engine that applies them to raw BSON. Nothing here talks to a server.

rules.py        reads a rule file: load_rules(text) -> RuleSet, or RulesError with every problem and its line
hooks.py        hooks of a rule file: what they may do
notation.py     paths and templates as a rule file writes them
checks.py       what the rules would break in a collection: unique, TTL, geo and text indexes, a time series' fields
masks.py        MASKS, the list of masks: what each takes, promises, and the program that it runs; Key
options.py      the options of masks: their types, checks and JSON Schemas
programs.py     what a mask is made of: operations of the engine, or a Python function of one value; the keyed stream
identifiers.py, measures.py, addresses.py, free_text.py      the Python functions
words.py        the word lists by locale, written by tests/generate_words.py
engine.py       Masker and Comparer: native/masker.c under the rules of one collection

The only implicit thing of a path is arrays: it goes through them. Where paths meet, the more specific wins.
A mask is implemented once: where speed counts as an operation of the engine, else in Python (some 5 to 30 us a value).
The engine fails closed: a value that its mask does not take is replaced by the redaction of its type and counted; a
field that no rule names is counted and not written, unless the rules keep such fields.
"""
