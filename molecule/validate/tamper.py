"""Runs on a host, in the modules' Python: `tamper.py RUN` puts one original value back into the run's clean copy."""

import sys

from pymongo import MongoClient


def client(side: str) -> MongoClient:
    """A client of a mongod of the clean room."""
    socket = f"/run/stagesync/{sys.argv[1]}/{side}/mongod.sock"
    return MongoClient(f"mongodb://{socket.replace('/', '%2F')}/?directConnection=true")


with client("source") as source, client("clean") as clean:
    original = source.shop.users.find_one({}, {"email": 1})
    done = clean.shop.users.update_one({"_id": original["_id"]}, {"$set": {"email": original["email"]}})
    sys.exit(0 if done.modified_count == 1 else "nothing was changed")
