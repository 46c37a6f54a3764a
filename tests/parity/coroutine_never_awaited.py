import ferrio


async def main():
    async def forgotten():
        pass

    forgotten()
    print("still here")


ferrio.run(main())
