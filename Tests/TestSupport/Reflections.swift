import Warehouse

// A failed expectation describes each value that it compared, with all that hangs on it. Of a warehouse these are connections,
// caches and queues: that would take minutes.

extension SQLiteWarehouse: CustomReflectable {
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension PostgresWarehouse: CustomReflectable {
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension SplitWarehouse: CustomReflectable {
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
