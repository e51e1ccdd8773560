package dev.sluice.faults;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** So many turns at a time for all JVMs that name the same file, each a lock of one byte of it. */
final class Turns implements AutoCloseable {
    private static final long PAUSE_NANOS = 10_000_000;

    private final FileChannel file;
    private final int most;

    Turns(Path file, int most) throws IOException {
        this.file = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        this.most = most;
    }

    /** Waits for a turn, which is over when the lock is closed. */
    FileLock next() throws IOException {
        while (true) {
            for (int place = 0; place < most; place++) {
                FileLock lock = tried(place);
                if (lock != null) {
                    return lock;
                }
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private @Nullable FileLock tried(int place) throws IOException {
        try {
            return file.tryLock(place, 1, false);
        } catch (OverlappingFileLockException ours) {
            return null;
        }
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
