"""`marker.py put|count|remove`: a document in staging's served database, by which a swap can be seen."""

import sys

from stagesync_lab import mongodb

with mongodb.client("staging", journal=True) as client:
    markers = client.molecule.marker
    if sys.argv[1] == "put":
        markers.insert_one({})
    elif sys.argv[1] == "remove":
        client.drop_database("molecule")
    else:
        print(markers.count_documents({}))
