"""What invokes the functions of a project on this machine, as its table declares it.

Theory: a URL and a queue are emulated as they are. A topic, a bucket and a bus deliver to a queue
of the embedded services that nobody else sees; a `Delivery` polls it, unwraps what comes, and hands
it over as an asynchronous invocation. A schedule needs no service.
"""
