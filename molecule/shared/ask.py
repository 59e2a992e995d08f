"""Runs on a host, in the modules' Python: `ask.py RUN SIDE` prints what a mongod of the clean room says, as JSON."""

import json
import sys

from pymongo import MongoClient
from pymongo.errors import PyMongoError

run, side = sys.argv[1:]
socket = f"/run/stagesync/{run}/{side}/mongod.sock"
with MongoClient(f"mongodb://{socket.replace('/', '%2F')}/?directConnection=true") as client:
    try:
        client.shop.users.insert_one({"_id": "written by the test"})
        client.shop.users.delete_one({"_id": "written by the test"})
        write_error = None
    except PyMongoError as error:
        write_error = getattr(error, "code", -1)
    user = client.shop.users.find_one({"name.last": {"$exists": True}}, sort=[("_id", 1)])
    print(
        json.dumps(
            {
                "set_name": client.admin.command("hello").get("setName"),
                "server_users": [entry["user"] for entry in client.admin["system.users"].find()],
                "write_error": write_error,
                "databases": sorted(set(client.list_database_names()) - {"admin", "config", "local"}),
                "users": client.shop.users.count_documents({}),
                "indexes": sorted(client.shop.users.index_information()),
                "export_is_there": "tmp_export" in client.shop.list_collection_names(),
                "first_user": {"id": str(user["_id"]), "email": user["email"], "last": user["name"]["last"]},
            }
        )
    )
