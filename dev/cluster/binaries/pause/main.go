// Command pause does nothing, as process 1: it keeps the namespaces it was started in alive, buries the orphans that
// the kernel hands to process 1, and ends when it is asked to.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGINT, syscall.SIGTERM)
	for {
		// Several children that end together may raise one signal only, so bury all there are each time. This also
		// runs before the first signal: children may have been inherited from the shell that became this program.
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if pid <= 0 || err != nil {
				break
			}
		}
		if received := <-signals; received != syscall.SIGCHLD {
			os.Exit(0)
		}
	}
}
