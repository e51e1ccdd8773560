# nothing: the job is defined by the program
