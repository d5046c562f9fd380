SpecCompilerCommand.main()
